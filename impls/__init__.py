"""The subject: one module a framework, one plain function a form, named `activation_form`."""
