"""How well the churn score predicts, measured as it is used: one pass, labels as late as they are."""
