# SPDX-License-Identifier: MIT
#
# mk/test.mk - tests, lint, fuzzing, measurements.
