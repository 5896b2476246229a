"""What a Django project's own files say of how it is built and served."""
