#!/bin/sh
# Any CI that can run a container. TENCENTCLOUD_SECRET_ID and
# TENCENTCLOUD_SECRET_KEY are in the environment. exec, so that a signal is for
# docker, which hands it on; no -t, since with a terminal it would not.
exec docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:$PWD" -w "$PWD" \
  -e TENCENTCLOUD_SECRET_ID -e TENCENTCLOUD_SECRET_KEY \
  -e CAR_APPLICATION_ID=app-a1b2c3d4 -e CAR_ARTIFACT=build/Game.zip -e CAR_RELEASE=true \
  -e CAR_OUTPUT_FILE=car.env -e CAR_RUN_KEY="${BUILD_ID:-}" \
  ghcr.io/car-publish/car-publish:1
