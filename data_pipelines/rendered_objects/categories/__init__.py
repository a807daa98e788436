"""One module per category: what is drawn, how it is built, its materials and key points.

Every module has
  draw(rng): a dictionary of shape parameters; `absent` names the parts that this object lacks;
  build(shape): its parts in their order, [3, rows, columns] each, the same rows and columns for
    every shape; x to the object's left as seen from its front, y up, z to its front;
  cells(): for each part (material, first row, end row, first column, end column) of the cells
    that are not of the first material; an end of 99 is the last one;
  MATERIALS: rule of colour of each material (see `parameters.colour_of`);
  KEYPOINTS: part, row and column of each;
  YAW: the turn from the front to three quarters; PITCH: range of the camera's height; degrees;
  STANDS: whether it stands on the ground.
"""
