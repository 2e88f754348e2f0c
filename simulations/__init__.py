"""The same policy in another world: exact models of the HPA and of KEDA, and what people run on top of them."""
