/** Figures as messages show them: so many significant digits and no zeros behind them, `0.00102`, `1.5e-07`. */
export function significant(value: number, digits: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  const [mantissa, power] = value.toExponential(digits - 1).split("e") as [string, string];
  const exponent = Number(power);
  if (exponent >= -4 && exponent < digits) return bare(value.toFixed(digits - 1 - exponent));
  return `${bare(mantissa)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function bare(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
