"""What a physicist computes: substructure, ROC curves, efficiencies and their uncertainties."""
