"""What a target is to a measurement: outputs, gradients and layers, seen, differentiated or asked."""
