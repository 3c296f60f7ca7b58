"""Frames that no DFT set holds, made by MD and labelled by teacher potentials.

    python -m voxpot_training.teacher CONFIG --out FRAMES.extxyz

A teacher is any ASE calculator, named as ``module:factory``.  The first drives the
dynamics and labels; frames that the others judge differently are dropped and counted.
Teachers stay outside the project, with their own licences.
"""
