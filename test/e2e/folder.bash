# A folder as players get it: what reached the bucket is opened by the unpackers
# that people use, and each finds the same tree. Sourced by run.

# big_tree makes a folder that has everything that packers stumble over.
big_tree() {
  local tree=$1 i
  mkdir -p "$tree/Data/many" "$tree/Saved/empty" "$tree/数据/海 洋" "$tree/emoji 🐟"
  cp "$builds/windows/car-publish.exe" "$tree/Ocean.exe"
  echo 'the ocean' >"$tree/数据/海 洋/鱼.txt"
  echo 'a fish' >"$tree/emoji 🐟/fish & chips (1).txt"
  : >"$tree/Data/empty.dat"
  head -c 30000000 /dev/urandom >"$tree/Data/noise.pak"
  truncate -s 5G "$tree/Data/sparse.pak" # larger than a zip without zip64 can say
  for i in $(seq 0 699); do
    mkdir "$tree/Data/many/$i"
  done
  # 70,000 members: more than a zip without zip64 can count.
  python3 - "$tree/Data/many" <<'PYTHON'
import sys
for i in range(70_000):
    with open(f"{sys.argv[1]}/{i // 100}/file {i}.txt", "w") as f:
        f.write(f"file {i}\n" * (i % 50))
PYTHON
}

# same NAME: what an unpacker has made in unpacked is the tree. The sparse file is
# compared here only if it is there, since to write 5 GiB five times takes minutes.
same() {
  local skip=()
  [ -e "$work/folder/unpacked/Data/sparse.pak" ] || skip=(-x sparse.pak)
  diff -r "${skip[@]}" "$work/folder/tree" "$work/folder/unpacked" >"$work/folder/differs" 2>&1 ||
    { head "$work/folder/differs" >&2; die "$1 does not find the same tree"; }
  rm -r "$work/folder/unpacked"
  mkdir "$work/folder/unpacked"
  say "$1 finds the same tree"
}

# sparse NAME COMMAND...: an unpacker writes the sparse file as it was to its output.
sparse() {
  local name=$1
  shift
  "$@" | cmp - "$work/folder/tree/Data/sparse.pak" || die "$name does not read the file of 5 GiB"
}

folder() {
  local dir=$work/folder archive
  mkdir -p "$dir/bucket" "$dir/again"
  say 'making a folder of 70,000 files and 5 GiB'
  big_tree "$dir/tree"
  publish_folder() {
    "$work/carsim" -start-path Ocean.exe -processing 100ms -keep "$1" -- "$work/car-publish" --application-id app-desktop --artifact "$dir/tree" --artifact-name ocean.zip >"$dir/log" 2>&1 ||
      { cat "$dir/log" >&2; die 'the folder was not published'; }
  }
  go build -o "$work/car-publish" .
  publish_folder "$dir/bucket"
  grep -E 'folder of|Uploaded|packed from' "$dir/log"
  archive=$(ls "$dir"/bucket/*.zip)

  say 'the same files give the same bytes'
  publish_folder "$dir/again"
  cmp "$archive" "$dir"/again/*.zip || die 'the second archive differs'
  rm -r "$dir/again"

  7zz t -bd "$archive" >"$dir/log" || die '7zz t'
  ! grep -i warning "$dir/log" || die '7zz warns'
  mkdir "$dir/unpacked"
  (cd "$dir/unpacked" && unzip -q "$archive" -x Data/sparse.pak) || die 'unzip'
  same unzip
  sparse unzip unzip -p "$archive" Data/sparse.pak
  7zz x -bd -bso0 "-o$dir/unpacked" '-x!Data/sparse.pak' "$archive" || die '7zz'
  same 7zz
  sparse 7zz 7zz x -so "$archive" Data/sparse.pak
  bsdtar -x -f "$archive" -C "$dir/unpacked" --exclude Data/sparse.pak || die 'bsdtar'
  same bsdtar
  sparse bsdtar bsdtar -xOf "$archive" Data/sparse.pak
  python3 - "$archive" "$dir/unpacked" <<'PYTHON' || die 'python'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    archive.extractall(sys.argv[2], [name for name in archive.namelist() if name != "Data/sparse.pak"])
PYTHON
  same python
  (cd "$dir/unpacked" && jar -xf "$archive") || die 'jar'
  same jar
  rm -r "$dir"
}
