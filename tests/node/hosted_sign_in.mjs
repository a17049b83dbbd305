// A person signs in through the provider's page, uses the front end, and signs out. See hosted_browser.rs.

import { fetchFrom, passForms, run, settings } from './browser.mjs';

const { doorward, frontend, stranger, person, cookie: cookieName } = settings;
const withCookies = { credentials: 'include' };
const plan = {
  ...withCookies,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ goal: 'learn' }),
};

await run(async (browser) => {
  const seen = {};
  const context = await browser.newContext();
  const page = await context.newPage();

  await page.goto(`${doorward}${settings.login}`);
  await passForms(page, person, frontend);
  seen.landed = page.url();
  seen.cookies = await context.cookies(doorward);
  seen.readable = await page.evaluate(() => document.cookie);

  seen.me = await fetchFrom(page, `${doorward}/api/v1/users/me`, withCookies);
  seen.plan = await fetchFrom(page, `${doorward}/api/v1/generation/create-plan`, plan);

  const elsewhere = await context.newPage();
  await elsewhere.goto(stranger);
  seen.strangerReads = await fetchFrom(elsewhere, `${doorward}/api/v1/users/me`, withCookies);
  seen.strangerWrites = await fetchFrom(elsewhere, `${doorward}/api/v1/generation/create-plan`, plan);
  // A request that needs no permission first: it is sent, and must be refused where it arrives.
  const simple = { ...withCookies, method: 'POST', mode: 'no-cors', body: 'goal=learn' };
  seen.strangerSends = await fetchFrom(elsewhere, `${doorward}/api/v1/generation/create-plan`, simple);
  await elsewhere.close();

  const secondTab = await context.newPage();
  await secondTab.goto(frontend);
  seen.secondTab = await fetchFrom(secondTab, `${doorward}/api/v1/auth/status`, withCookies);

  const copied = (await context.cookies(doorward)).find((cookie) => cookie.name === cookieName);
  seen.logout = await fetchFrom(page, `${doorward}/api/v1/auth/logout`, { ...withCookies, method: 'POST' });
  seen.after = await fetchFrom(secondTab, `${doorward}/api/v1/auth/status`, withCookies);
  seen.cookiesAfter = (await context.cookies(doorward)).map((cookie) => cookie.name);

  const thief = await browser.newContext();
  await thief.addCookies([copied]);
  const stolen = await thief.newPage();
  await stolen.goto(frontend);
  seen.stolen = await fetchFrom(stolen, `${doorward}/api/v1/users/me`, withCookies);
  await thief.close();

  // Signed out here, the person is signed out at the provider once its own page was visited.
  await page.goto(seen.logout.json.logout_url);
  if (settings.confirmsLogout) await page.locator('[type=submit]').first().click();
  await page.waitForURL(`${frontend}/**`);
  await page.goto(`${doorward}${settings.login}`);
  seen.asksAgain = await page.locator('form input[name=password]').count() > 0;
  return seen;
});
