# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: 2026 The sandbox.network authors
"""The scenario of user-mode networks: from the start of the work to a port forward that answers."""
