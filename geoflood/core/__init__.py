"""What every room stands on: values, errors, files, pictures, positions."""
