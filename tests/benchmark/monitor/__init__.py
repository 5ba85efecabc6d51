# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The scenario of the monitor: from a change in a namespace to the command that tells it."""
