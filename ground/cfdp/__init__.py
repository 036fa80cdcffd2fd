"""The ground's end of file transfer: CFDP class 2 (CCSDS 727.0-B), both ways, over contacts that end."""
