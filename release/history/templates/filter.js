// Filters the page by environment, verdict and text; the address keeps the choice.
(() => {
  const form = document.querySelector('form.filter')
  if (!form) return
  const body = document.getElementById('builds')
  const rows = [...body.rows]
  const places = [...document.querySelectorAll('section.environment')]
  const found = document.getElementById('found')
  const more = document.getElementById('more')
  const atOnce = Number(body.dataset.atOnce)
  let most = atOnce
  const texts = rows.map((row) => row.dataset.text.toLowerCase())
  const show = () => {
    const { env, verdict, q } = Object.fromEntries(new FormData(form))
    const text = q.trim().toLowerCase()
    let count = 0
    rows.forEach((row, place) => {
      const fits = (!env || row.dataset.env === env) &&
        (!verdict || row.dataset.verdict === verdict) && texts[place].includes(text)
      if (fits) count += 1
      row.hidden = !fits || count > most
    })
    // Who looks for a build need not scroll to it.
    for (const place of places) {
      place.hidden = Boolean(text || verdict || (env && place.dataset.env !== env))
      place.querySelector('details').open ||= place.dataset.env === env
    }
    const shown = Math.min(count, most)
    found.textContent = count ? `${shown} of ${count} shown, newest first` : 'No build is like that.'
    more.hidden = count <= most
    const chosen = Object.entries({ env, verdict, q: text }).filter(([, value]) => value)
    const hash = new URLSearchParams(chosen).toString()
    history.replaceState(null, '', hash ? `#${hash}` : location.pathname)
  }
  const choose = () => {
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (form.elements[name]) form.elements[name].value = value
    }
  }
  const anew = () => { most = atOnce; show() }
  form.addEventListener('input', anew)
  form.addEventListener('submit', (event) => event.preventDefault())
  // A form is empty only after its reset event.
  form.addEventListener('reset', () => setTimeout(anew))
  addEventListener('hashchange', () => { choose(); anew() })
  more.addEventListener('click', () => { most += 10 * atOnce; show() })
  form.hidden = false
  choose()
  show()
})()
