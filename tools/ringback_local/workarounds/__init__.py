"""What MiniStack 1.5.33 does not do as AWS does, or does too slowly, and what the local run does about it.

`in_template` changes the translated template before it is deployed; `in_process` replaces functions inside the emulator's
process. One function per defect, each named. Nothing outside this package knows of a defect; when MiniStack mends one, its
work-around goes and nothing else changes. Written against MiniStack's source, so its version is pinned.
"""
