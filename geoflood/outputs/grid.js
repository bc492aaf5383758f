"use strict";
// A pin's coordinates as geo.py has them, for pins that are set in the page: UTM by Krueger's series, USNG, minutes.

const EARTH = { a: 6378137, f: 1 / 298.257223563, scale: 0.9996 };
const BANDS = "CDEFGHJKLMNPQRSTUVWXX";
const ROWS = "ABCDEFGHJKLMNPQRSTUV";
const COLUMNS = ["STUVWXYZ", "ABCDEFGH", "JKLMNPQR"];
const PIN_DIGITS = 4;  // squares of 10 m: how finely a pin can be set

function zoneOf(lat, lon) {
  if (lat >= 56 && lat < 64 && lon >= 3 && lon < 12) return 32;  // Norway is in one zone, Svalbard in four
  if (lat >= 72 && lon >= 0 && lon < 42) return lon < 9 ? 31 : lon < 21 ? 33 : lon < 33 ? 35 : 37;
  return Math.floor((lon + 180) / 6) % 60 + 1;
}

function utm(lat, lon, zone) {
  const radians = Math.PI / 180;
  const n = EARTH.f / (2 - EARTH.f);
  const e = Math.sqrt(EARTH.f * (2 - EARTH.f));
  const radius = EARTH.a / (1 + n) * (1 + n ** 2 / 4 + n ** 4 / 64) * EARTH.scale;
  const waves = [
    n / 2 - 2 * n ** 2 / 3 + 5 * n ** 3 / 16 + 41 * n ** 4 / 180,
    13 * n ** 2 / 48 - 3 * n ** 3 / 5 + 557 * n ** 4 / 1440,
    61 * n ** 3 / 240 - 103 * n ** 4 / 140,
    49561 * n ** 4 / 161280,
  ];
  const sine = Math.sin(lat * radians);
  const turn = (lon - (zone * 6 - 183)) * radians;
  const t = Math.sinh(Math.atanh(sine) - e * Math.atanh(e * sine));
  const north = Math.atan2(t, Math.cos(turn));
  const east = Math.asinh(Math.sin(turn) / Math.hypot(t, Math.cos(turn)));
  let [x, y] = [east, north];
  waves.forEach((wave, at) => {
    const k = 2 * (at + 1);
    x += wave * Math.cos(k * north) * Math.sinh(k * east);
    y += wave * Math.sin(k * north) * Math.cosh(k * east);
  });
  return [500000 + radius * x, radius * y + (lat < 0 ? 1e7 : 0)];
}

// "10S EG 4425 7375"; nothing where the grid is polar.
function usng(lat, lon) {
  if (lat < -80 || lat >= 84) return "";
  const zone = zoneOf(lat, lon);
  const [easting, northing] = utm(lat, lon, zone);
  const column = COLUMNS[zone % 3][Math.floor(easting / 1e5) - 1];
  const line = ROWS[(Math.floor(northing / 1e5) + (zone % 2 ? 0 : 5)) % 20];
  const digits = (metres) => String(Math.floor(metres % 1e5)).padStart(5, "0").slice(0, PIN_DIGITS);
  return `${String(zone).padStart(2, "0")}${BANDS[Math.floor((lat + 80) / 8)]} ${column}${line} ${digits(easting)} ${digits(northing)}`;
}

function minutes(value, positive, negative) {
  const all = Math.round(Math.abs(value) * 6000) / 100;
  return `${Math.floor(all / 60)}-${(all % 60).toFixed(2)}${value >= 0 ? positive : negative}`;
}

const coordinatesOf = ([lat, lon]) => [usng(lat, lon), `${lat.toFixed(5)}, ${lon.toFixed(5)}`,
  `${minutes(lat, "N", "S")} ${minutes(lon, "E", "W")}`].filter(Boolean);
