"""Sign-in that Nest Egg does itself: passwords, sessions, second factors, personal tokens."""
