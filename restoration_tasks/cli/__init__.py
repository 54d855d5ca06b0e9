"""The command line, `reelkeeper`: one file a group of commands."""
