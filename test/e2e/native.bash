# shellcheck shell=bash
# Part of test/e2e/run: the native action, and the examples for GitHub. Both
# run on this machine itself, as on a runner of one's own, and use a stand-in
# of a release.

# stand_in makes what a release would be at the tag v1: one binary in served,
# which is a web server, the list of checksums, and the image under a local
# name.
stand_in() {
  local name
  name=car-publish_1.2.3_$(go env GOOS)_$(go env GOARCH)
  mkdir -p "$served/v1.2.3" "$work/v1"
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=1.2.3' -o "$served/v1.2.3/$name" .
  cp -R native "$work/v1/"
  (cd "$served/v1.2.3" && sha256sum "$name") >"$work/v1/native/checksums.txt"
  sed 's|^  image: .*|  image: docker://car-publish:e2e-v1|' action.yml >"$work/v1/action.yml"
  [ ! -e "$work/mirror.pid" ] || return 0
  port=$((20000 + RANDOM % 10000))
  busybox httpd -f -p "127.0.0.1:$port" -h "$served" &
  echo $! >"$work/mirror.pid"
}
served=$work/served

# The native action, from a release that is made here.
native() {
  stand_in
  mkdir -p "$work/forged"
  cp -R "$work/v1/native" "$work/forged/"
  sed 's/^./x/' "$work/v1/native/checksums.txt" >"$work/forged/native/checksums.txt"

  simulator native $here/world.json
  # On this machine itself: a runner without Docker.
  runner=-self-hosted run_act native --var ENDPOINT="$(endpoint native)" --var BUILDS="$builds" \
    --var MIRROR="http://127.0.0.1:$port" --var SERVED="$served/v1.2.3" \
    --local-repository "car-publish/car-publish@v1=$work/v1" --local-repository "car-publish/car-publish@forged=$work/forged"
  annotations error | says error 'is not the file of this release.*Nothing was run'
  annotations error | says error 'This commit of the action is no release'
  annotations error | says error 'is online'
  annotations warning | says warning 'CAR_VERSION_ID, CAR_DRY_RUN, CAR_PROXY: ignored'
  asking native versions app-windows | says version 'Inuse'
  nothing_left native app-windows
}

# What people paste: the workflows of examples/github as they are, on this
# machine itself, with the stand-in of a release at car-publish/car-publish@v1.
examples() {
  stand_in
  build --quiet --tag car-publish:e2e-v1 .

  local game=$work/game
  mkdir -p "$game/.github/workflows"
  cp examples/github/*.yml "$game/.github/workflows/"
  # A tag starts most of them; act has no tag to push.
  sed -i 's/^    tags: .*/    branches: ["**"]/; s/^    runs-on: windows-latest/    runs-on: ubuntu-latest/' "$game"/.github/workflows/*.yml
  # Only its inputs tell an action where the services are.
  # shellcheck disable=SC2016 # an expression of the workflow
  sed -i '/uses: car-publish\/car-publish/,/with:/ s|^\( *\)with:$|&\n\1  endpoint: ${{ vars.ENDPOINT }}\n\1  cos-endpoint: ${{ vars.ENDPOINT }}|' "$game"/.github/workflows/*.yml
  cat >"$game/build.sh" <<END
#!/bin/sh
mkdir -p build/Windows
cp $builds/windows/car-publish.exe build/Windows/Ocean.exe
cp $builds/car-publish-windows.zip build/Game.zip
cp $builds/settings_apk-debug.apk build/Game.apk
END
  chmod +x "$game/build.sh"
  git -C "$game" init --quiet
  git -C "$game" add .
  git -C "$game" -c user.name=e2e -c user.email=e2e@example.com commit --quiet --message 'A game'

  # The chat that notify.yml tells.
  mkdir -p "$served/cgi-bin"
  printf '#!/bin/sh\nhead -c "$CONTENT_LENGTH" >>%s\nprintf "Content-Type: text/plain\\r\\n\\r\\nok"\n' "$work/chat" >"$served/cgi-bin/chat"
  chmod +x "$served/cgi-bin/chat"

  simulator examples $here/examples.json
  local at
  at=$(endpoint examples)
  local app
  for _ in first second; do
    example new-game push
    asking examples applications | says application '^app-[^ ]+ .* Ocean +Ocean.exe +Ocean.exe +-windowed'
    app=$(asking examples applications | grep ' Ocean ' | cut -d ' ' -f 1)
    asking examples versions "$app" | says version '^Inuse'
    nothing_left examples "$app"
  done
  [ "$(asking examples applications | grep -c ' Ocean ')" = 1 ] || die 'the second run made an application'
  example rollback workflow_dispatch
  asking examples versions app-a1b2c3d4 | says version 'Inuse +first'
  example nightly schedule
  asking examples versions app-nightly | says version 'Inuse +nightly-1'
  example matrix push
  asking examples versions app-beta | says version Inuse
  asking examples versions app-live | says version Inuse
  example two-applications push
  asking examples versions app-desktop | says version Inuse
  asking examples versions app-mobile | says version Inuse
  # github.com is not asked: the binary is in the tool cache, where a run
  # before this one would have left it.
  local tools
  tools=$work/cache/act/tool_cache/car-publish/1.2.3/$(go env GOARCH)
  mkdir -p "$tools"
  cp "$served"/v1.2.3/* "$tools/car-publish"
  example windows-and-macos push
  example approval push
  example notify push
  says message 'app-a1b2c3d4|Yours' <"$work/chat"
  : >"$work/chat"
  ending=1 example notify push # there are five versions now
  says message 'holds 5 versions' <"$work/chat"
  example pull-request pull_request
  nothing_left examples app-nightly app-a1b2c3d4 app-beta app-live app-desktop app-mobile

  # When the release does not come about, the version goes.
  simulator rejected $here/rejected.json
  at=$(endpoint rejected)
  ending=1 example approval push
  ! asking rejected versions app-a1b2c3d4 | grep Normal || die 'a version that was rejected is left'

  # A step that is killed outright, in the middle of its upload: the step after
  # it removes what it left.
  simulator killed $here/killed.json
  at=$(endpoint killed)
  (
    for _ in $(seq 300); do
      asking killed versions app-a1b2c3d4 | grep -q Creating && break
      sleep 0.2
    done
    sleep 0.5
    kill -KILL "$(pgrep -f '^[^ ]*/car-publish\.[A-Za-z0-9]+/car-publish$')"
  ) &
  ending=1 example windows-and-macos push
  wait $!
  jq -rR 'fromjson? | .msg' "$work/act.log" | says line 'cleaned up ver-'
  nothing_left killed app-a1b2c3d4
}

# example NAME EVENT runs one of them; at is the simulator.
example() {
  local keys=(--secret CAR_SECRET_ID=AKIDe2e --secret CAR_SECRET_KEY=e2e-key-known-to-the-runner)
  [ "$2" != pull_request ] || keys=() # as for a fork
  local masked=() # not all of them upload
  folder=$work/game event=$2 runner=-self-hosted run_act "$1" "${keys[@]}" \
    --secret CHAT_WEBHOOK="http://127.0.0.1:$port/cgi-bin/chat" \
    --var ENDPOINT="$at" \
    --local-repository "car-publish/car-publish@v1=$work/v1" \
    --container-options "--network host --volume $work/cache:$work/cache"
}
