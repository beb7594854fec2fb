"""Distillation: a student learns from the logits of a teacher, on train's texts and on more texts."""
