# The image in the other CIs: what their own programs do with it, as far as
# those can be had, and what their source says that they do. Sourced by run.

# As users name it in their pipelines; the copies that run have a local tag.
their_image=registry.example.com/car-publish
our_image=car-publish:e2e-clients

key=e2e-key-known-to-the-runner

# workspace NAME makes a repository with a build in it, as a checkout is, and
# the pipelines of that client, and goes there.
workspace() {
  local name=$1 file secret
  mkdir -p "$work/$name/build"
  cp testdata/demo/game.zip "$work/$name/build/"
  for file in "$here/$name"/*.yml; do
    [ -e "$file" ] || break # not every client reads a pipeline
    sed -e "s|$their_image|$our_image|" -e "s|: ENDPOINT|: $(endpoint clients)|" "$file" >"$work/$name/${file##*/}"
  done
  cd "$work/$name"
  git init --quiet
  git remote add origin git@git.example.com:studio/game.git
  git add .
  git -c user.name=e2e -c user.email=e2e@example.com commit --quiet --message pipelines
}

# client NAME STATUS COMMAND... runs a client, whose log is then in $log.
client() {
  local name=$1 want=$2 status=0
  shift 2
  log=$work/$name.log
  timeout 120 "$@" >"$log" 2>&1 </dev/null || status=$?
  cat "$log"
  [ "$status" = "$want" ] || die "$name ended with status $status, not $want"
  # The key of the user, and those that CAR hands out for the upload.
  ! grep -E "$key|AKIDtemporary" "$log" || die "the log of $name shows a secret"
}

logged() { says 'line of the log' "$1" <"$log"; }
silent() { ! grep -E -- "$1" "$log" || die "the log has the line above"; }

published() {
  asking clients versions "$1" | says version "Inuse .*$2"
  nothing_left clients "$1"
}

# Woodpecker's `exec` knows no secrets but the axes of a matrix.
woodpecker() (
  say 'woodpecker-cli exec'
  workspace woodpecker
  run() {
    printf '\nmatrix:\n  car_secret_id: [AKIDe2e]\n  car_secret_key: [%s]\n  car_kept: [bronze-1]\n' "$key" >>"$2.yml"
    client "woodpecker-$2" "$1" woodpecker-cli exec --backend-engine docker "$2.yml"
  }

  run 0 publish
  logged 'publish on woodpecker'
  logged 'a later step knows ver-'
  published app-woodpecker 'Woodpecker 1.0'

  run 1 blocked
  logged 'exit code 4'
  logged 'hotfix-test.*Nothing was uploaded'
  silent 'a step after a red one'

  run 1 mistakes
  logged 'exit code 2'
  logged 'application-1.*PLUGIN_APPLICATION_ID'
  logged 'release: "y" is neither true nor false'
  logged 'PLUGIN_TIME_OUT is not an input; did you mean PLUGIN_TIMEOUT'
)

# Drone's `exec` ends in a panic where a pipeline names a secret, so the copies
# have the values in its place.
drone() (
  say 'drone-runner-docker exec'
  workspace drone
  run() {
    sed -i -z -e 's/\n *from_secret: car_secret_id/ AKIDe2e/g' -e "s/\n *from_secret: car_secret_key/ $key/g" "$2.yml"
    client "drone-$2" "$1" drone-runner-docker exec --pretty --repo-trusted "$2.yml"
  }

  run 0 publish
  logged 'publish on drone'
  logged 'a later step knows ver-'
  published app-drone 'Drone 1.0'

  run 1 blocked
  logged 'hotfix-test.*Nothing was uploaded'
  silent 'a step after a red one'

  run 1 mistakes
  logged 'application-1.*PLUGIN_APPLICATION-ID'
  logged 'release: "yes" is neither true nor false'
  logged 'PLUGIN_TIME-OUT is not an input; did you mean PLUGIN_TIMEOUT'
)

# gitlab-ci-local says GITLAB_CI=false, since it is not GitLab; but what it is
# here for is what users get there.
gitlab() (
  say 'gitlab-ci-local'
  docker image inspect car-publish/gitlab-helper >/dev/null 2>&1 || $here/images/gitlab-helper
  workspace gitlab
  run() {
    client "gitlab-$2" "$1" gitlab-ci-local --file "$2.yml" --home "$work/home" \
      --network host --pull-policy if-not-present --helper-image car-publish/gitlab-helper \
      --variable GITLAB_CI=true \
      --variable "TENCENTCLOUD_SECRET_ID=AKIDe2e" --variable "TENCENTCLOUD_SECRET_KEY=$key" \
      --variable "CAR_ENDPOINT=$(endpoint clients)" --variable "CAR_COS_ENDPOINT=$(endpoint clients)"
  }

  run 0 publish
  logged 'publish on gitlab'
  logged 'car_publish_.*_started' # how this client shows a section
  logged 'a later job knows ver-'
  logged 'hotfix-test.*Nothing was uploaded'
  silent 'CAR_PUBLISHED.* is not an input'
  published app-gitlab 'GitLab 1.0'

  run 1 mistakes
  logged 'application-1.*CAR_APPLICATION_ID'
  logged 'release: "yes" is neither true nor false'
  logged 'CAR_TIME_OUT is not an input; did you mean CAR_TIMEOUT'
  silent '> a line after a red one'
)

# What Jenkins does for docker.image(...).inside, by the source of its plugin:
# https://github.com/jenkinsci/docker-workflow-plugin (WithContainerStep and
# DockerClient.run), and for an sh step in it
# https://github.com/jenkinsci/durable-task-plugin (BourneShellScript).
jenkins() (
  say 'the commands of Jenkins'
  workspace jenkins
  mkdir "$work/jenkins@tmp"
  chmod -R go+rwX "$work/jenkins" "$work/jenkins@tmp" && chmod go+x "$work"
  ws=$work/jenkins control=$work/jenkins@tmp/durable
  mkdir -m 777 "$control"
  # --entrypoint= and the network are the user's args.
  container=$(docker run -t -d -u 1000:1000 --entrypoint= --network host -w "$ws" -v "$ws:$ws:rw,z" -v "$ws@tmp:$ws@tmp:rw,z" \
    -e CAR_ENDPOINT="$(endpoint clients)" -e CAR_COS_ENDPOINT="$(endpoint clients)" \
    "$our_image" cat)
  trap 'docker rm -f "$container" >/dev/null' EXIT
  docker top "$container" -eo pid,comm | says process 'cat$' # or Jenkins complains of the entrypoint

  # sh 'car-publish ...', and what it wraps around.
  run() {
    echo "$2" >"$control/script.sh"
    rm -f "$control/result.txt"
    client "jenkins" 0 docker exec --env TENCENTCLOUD_SECRET_ID=AKIDe2e --env TENCENTCLOUD_SECRET_KEY="$key" --env JENKINS_SERVER_COOKIE=durable-e2e "$container" \
      sh -c "pid=\$\$; { while [ \\( -d /proc/\$pid -o \\! -d /proc/\$\$ \\) -a -d '$control' -a \\! -f '$control/result.txt' ]; do touch '$control/log.txt'; sleep 1; done } & jsc=durable-e2e; JENKINS_SERVER_COOKIE=\$jsc sh -xe '$control/script.sh' > '$control/log.txt' 2>&1; echo \$? > '$control/result.tmp'; mv '$control/result.tmp' '$control/result.txt'; wait"
    log=$control/log.txt
    cat "$log"
    ! grep -E "$key|AKIDtemporary" "$log" || die 'the log of Jenkins shows a secret'
    [ "$(cat "$control/result.txt")" = "$1" ] || die "Jenkins read status $(cat "$control/result.txt"), not $1"
  }
  run 0 'car-publish --application-id app-jenkins --artifact "build/*.zip" --version-name "Jenkins 1.0" --release --output-file car.env && cat car.env'
  logged 'CAR_PUBLISHED_OUTCOME=released'
  published app-jenkins 'Jenkins 1.0'
  run 4 'car-publish --application-id app-waiting --artifact "build/*.zip"'
  logged 'hotfix-test.*Nothing was uploaded'
  docker stop --time=1 "$container" >/dev/null
)

# The line for every CI that has Docker, with the folder where it is.
docker_run() (
  say 'docker run -v $PWD:$PWD -w $PWD'
  workspace docker
  client docker 0 docker run --rm -v "$PWD:$PWD" -w "$PWD" --network host \
    -e CAR_ENDPOINT="$(endpoint clients)" -e CAR_COS_ENDPOINT="$(endpoint clients)" \
    -e TENCENTCLOUD_SECRET_ID=AKIDe2e -e TENCENTCLOUD_SECRET_KEY="$key" \
    "$our_image" --application-id app-docker --artifact 'build/*.zip' --version-name 'Docker 1.0' --release --output-file car.env
  says output 'CAR_PUBLISHED_OUTCOME=released' <car.env
  published app-docker 'Docker 1.0'
)

# Every command of the shell's is one that this shell has.
shell() {
  say 'the shell of the image'
  docker run --rm --entrypoint sh "$our_image" -c '
    for file in /bin/*; do
      name=${file##*/}
      case $name in busybox | car-publish) continue ;; esac
      busybox --list | grep -qxF "$name" || { echo "busybox has no $name"; exit 1; }
    done
    car-publish --version' || die 'a command of the image does not work'
  [ "$(docker image inspect --format '{{json .Config.Entrypoint}}' "$our_image")" = '["/car-publish"]' ] || die 'the entrypoint is another one'
}

clients() {
  local PATH=$PATH
  PATH=$(.ci/clients)
  build --quiet --tag "$our_image" .
  simulator clients $here/clients.json
  shell
  woodpecker
  drone
  gitlab
  jenkins
  docker_run
}
