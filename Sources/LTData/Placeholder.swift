// LTData
