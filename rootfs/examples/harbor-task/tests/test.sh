#!/bin/bash
# From here on the agent is no more, and nothing of it can touch the reward.
exec verify --timeout 60 -- bash /tests/grade.sh
