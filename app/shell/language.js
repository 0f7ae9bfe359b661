// Screen readers pronounce, and browsers choose glyphs, by the document's language.

export default function ({ data }) {
  document.documentElement.lang = data.language;
}
