"""Records, files, collections and artifacts: the layer that everything else rests on."""
