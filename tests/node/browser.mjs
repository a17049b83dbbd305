// Chromium for the scripts beside this one: each takes JSON as its argument and prints JSON as its last line.

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  // Names below localhost are the loopback without any resolver; nothing else may be looked up.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1',
];

export const settings = JSON.parse(process.argv[2]);

// Runs `scenario` with a browser; a picture of every open page is taken when it fails.
export async function run(scenario) {
  const browser = await chromium.launch({ executablePath: settings.chromium, args: FLAGS });
  try {
    console.log(JSON.stringify(await scenario(browser)));
  } catch (failure) {
    for (const [number, page] of browser.contexts().flatMap((context) => context.pages()).entries()) {
      console.error(page.url());
      await page.screenshot({ path: `${settings.screenshots}-${number}.png` }).catch(() => {});
    }
    throw failure;
  } finally {
    await browser.close();
  }
}

// Fills in whatever a provider asks for, until it leads to `goal`.
export async function passForms(page, person, goal) {
  for (let step = 0; step < 5 && !page.url().startsWith(goal); step += 1) {
    for (const [field, value] of Object.entries({ login: person.name, username: person.name, password: person.password })) {
      const input = page.locator(`form input[name=${field}]:not([type=hidden])`);
      if (await input.count()) await input.first().fill(value);
    }
    await page.locator('form [type=submit]').first().click();
    await page.waitForLoadState('load');
  }
  if (!page.url().startsWith(goal)) throw new Error(`still at ${page.url()}: ${await page.content()}`);
}

// `fetch` as a script of the open page would do it: status and JSON, or the name of the error.
export function fetchFrom(page, url, options = {}) {
  return page.evaluate(async ([address, given]) => {
    try {
      const response = await fetch(address, given);
      return { status: response.status, json: await response.json().catch(() => null) };
    } catch (error) {
      return { error: error.name };
    }
  }, [url, options]);
}
