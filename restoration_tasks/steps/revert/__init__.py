"""`reelkeeper revert`: named shots rendered again from the preservation master, with named treatments off.

Two uses. *To look* (`look.py`): the reverted shots, or the whole reel with them, are written to a file or a folder;
vault and catalogue stay as they are. *To keep* (`keep.py`): the plan without those treatments becomes the reel's next
version, and the reel goes the rest of its way under it, as another pass does; what the plan leaves as it was is reused.

Either way the pixels are made by the restore step, from the specs of `Way`; a shot with nothing left is the master's
coded frames. What was written is decoded and held against the scan's framemd5 (`proof.py`).
"""
