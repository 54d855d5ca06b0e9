"""The command line: reelkeeper …"""
