# Reads a NoCloud network-config (version 2) and prints the settings of one interface, one a line:
#   dhcp | address CIDR | route DESTINATION GATEWAY | nameserver IP | mtu BYTES
# The entry is found by MAC address (match.macaddress) or by name (its key, or set-name). Takes -v name= -v mac=.
# YAML in block or flow style and JSON are all read the same way, as keys and values without regard to nesting;
# that is enough because within an entry no two settings share a key, and an address has a prefix where a
# name server has none.

function flush_route() {
  if (route_to != "" && route_via != "") { settings = settings "route " route_to " " route_via "\n"; route_to = ""; route_via = "" }
}
function finish_entry() {
  if (matched) printf "%s", settings
  settings = ""; matched = 0; route_to = ""; route_via = ""
}
BEGIN {
  count = split("network version renderer ethernets match macaddress name driver set-name dhcp4 dhcp6 dhcp-identifier " \
    "addresses gateway4 gateway6 routes to via metric on-link nameservers search mtu optional accept-ra wakeonlan " \
    "link-local dhcp4-overrides dhcp6-overrides", words, " ")
  for (i = 1; i <= count; i++) known[words[i]] = 1
}
{
  sub(/(^|[ \t])#.*/, "")
  gsub(/["']:/, ": ")
  gsub(/[][{}"',]/, " ")
  for (i = 1; i <= NF; i++) {
    word = $i
    if (word == "-") continue
    if (word ~ /:$/) {
      key = substr(word, 1, length(word) - 1)
      if (!(key in known)) { finish_entry(); matched = (key == name); key = "" }
      continue
    }
    if (key == "macaddress" && tolower(word) == tolower(mac)) matched = 1
    else if (key == "set-name" && word == name) matched = 1
    else if (key == "dhcp4" && (word == "true" || word == "yes")) settings = settings "dhcp\n"
    else if (key == "addresses") settings = settings (word ~ /\// ? "address " : "nameserver ") word "\n"
    else if (key == "gateway4") settings = settings "route default " word "\n"
    else if (key == "to") { route_to = (word == "0.0.0.0/0" ? "default" : word); flush_route() }
    else if (key == "via") { route_via = word; flush_route() }
    else if (key == "mtu") settings = settings "mtu " word "\n"
  }
}
END { finish_entry() }
