// LTPipeline
