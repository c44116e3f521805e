// LTDecision
