// LTEval
