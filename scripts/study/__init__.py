"""The study of the calorimeter: what scripts/study_calorimeter.py trains, runs, measures and writes."""
