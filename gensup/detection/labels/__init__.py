"""What clips without attributes are told apart by: a class each, which describes the sound of one clip."""
