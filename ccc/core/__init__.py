"""What everything rests on: files, pictures, errors, devices, processes."""
