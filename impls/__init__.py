"""The subject: one module per framework, one plain function per form, named `activation_form`."""
