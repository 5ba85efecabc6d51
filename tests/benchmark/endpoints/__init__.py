# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The scenario of endpoints: links of sandboxes are wired to taps for virtual machines, and let go."""

MODELS = ("tcfilter", "macvtap", "bridged")
