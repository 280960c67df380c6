"""What an owner can put between a model and whoever asks, and the attackers that know it.

`doors`: oracles around oracles. `family`: random members (MulDef). `detector`: autoencoders on hidden layers.
`filtration`: hard examples by models. `monitoring`: seeing an extraction while it goes on. `training`: the
small classifiers that families and detectors are made of. What each buys is judged in `evaluation`.
"""
