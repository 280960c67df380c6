"""Recognising an extraction from its questions, judged on benign traffic and on our own attacks."""
