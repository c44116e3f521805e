// LTPredictor
