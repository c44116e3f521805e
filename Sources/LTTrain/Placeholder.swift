// LTTrain
