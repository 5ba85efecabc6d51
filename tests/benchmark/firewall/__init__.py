# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The scenario of the firewall: two published ports for each of many sandboxes, and the way through them."""
