# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The scenario of moves: devices of the host go into one namespace, and come back."""
