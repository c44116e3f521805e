// LTPredictions
