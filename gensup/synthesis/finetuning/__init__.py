"""Fine-tuning of text-to-audio models: which clip, which words, which latent at which step; and the training itself."""
