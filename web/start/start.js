// The start page: what this server is and, in demo mode, one person's inbox as it fills.
// It follows the protocol of the push sockets: a ticket, a cursor, items applied in order.
'use strict';

const at = (id) => document.getElementById(id);

const words = {
  'task.assigned': '给您派了一项任务', 'task.accepted': '任务已接受', 'task.declined': '任务没有被接受',
  'task.reported': '任务有了反馈', 'task.returned': '任务退回，请补充', 'task.done': '任务已完成', 'task.cancelled': '任务已取消',
  'task.due': '任务快到期了', 'request.assigned': '有一件诉求等您办理', 'request.status': '您的诉求有进展',
  'checkin.claimed': '有人请您确认到岗', 'checkin.confirmed': '到岗已确认', 'checkin.refused': '到岗没有被确认',
  'role.granted': '您有了新的任职', 'role.ended': '一项任职已结束', 'security.new_device': '您的账号在新设备上登录',
  'announcement': '有新的通知公告',
};
const roleWords = {
  area_holder: '党员中心户/责任区党员', branch_secretary: '党支部书记', general_secretary: '社区党总支书记',
  grid_secretary: '网格党支部书记', group_leader: '党小组长', grid_assistant: '网格助理员', party_office: '党建办',
  committee_secretary: '街道党委书记', instructor: '党建指导员', branch_officer: '支部委员', member: '党员',
};

let token = '', era = 0, cursor = 0, socket = null, device = '', turn = 0;

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

async function call(method, path, body) {
  const headers = { 'Accept-Language': 'zh-CN', 'X-Wanjia-Client': 'h5/start' };
  if (token) headers.Authorization = 'Bearer ' + token;
  if (method !== 'GET') headers['Idempotency-Key'] = random();
  if (body) headers['Content-Type'] = 'application/json';
  const res = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = res.status === 204 ? null : await res.json();
  if (!res.ok) throw new Error(answer.title + '（编号 ' + answer.instance + '）');
  return answer;
}

function show(item) {
  const li = document.createElement('li');
  const cell = (tag, name, text) => {
    const e = document.createElement(tag);
    e.className = name;
    e.textContent = text;
    li.append(e);
  };
  cell('span', 'seq', '第' + item.seq + '条');
  cell('span', 'kind', item.kind === 'gone' ? '（这项任职已结束，内容不再显示）' : words[item.kind] || item.kind);
  cell('time', '', new Date(item.at).toLocaleString('zh-CN', { timeZone: 'Asia/Shanghai', hour12: false }));
  at('inbox').prepend(li);
  at('nothing').hidden = true;
}

// apply takes items in order: what is known is dropped, and a hole is filled from the inbox first.
async function apply(items, mine) {
  for (const n of items) {
    if (mine !== turn || n.s <= cursor) continue;
    if (n.s > cursor + 1) await fill(mine);
    if (mine !== turn || n.s <= cursor) continue;
    cursor = n.s;
    show({ seq: n.s, kind: n.k, at: n.ts });
  }
  if (mine !== turn) return;
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ t: 'ack', s: cursor }));
  const { unread } = await call('GET', '/v1/inbox/unread');
  at('unread').textContent = unread;
}

async function fill(mine) {
  for (;;) {
    const got = await call('GET', '/v1/inbox?after=' + era + '.' + cursor);
    if (mine !== turn) return;
    const [e, top] = got.cursor.split('.').map(Number);
    for (const i of got.items) show(i);
    era = e;
    cursor = top;
    at('unread').textContent = got.unread;
    if (cursor >= got.top || got.items.length === 0) return;
  }
}

// connect opens a socket and comes back after a pause with jitter, as long as the same person is signed in.
async function connect(mine, tries) {
  if (mine !== turn) return;
  const again = (n) => setTimeout(() => connect(mine, n), Math.random() * Math.min(30000, 500 * 2 ** n));
  try {
    const { ticket } = await call('POST', '/v1/push/ticket');
    if (mine !== turn) return;
    const url = location.origin.replace(/^http/, 'ws') + '/v1/push?ticket=' + encodeURIComponent(ticket) + '&after=' + era + '.' + cursor;
    const s = new WebSocket(url, 'wanjia.v1');
    socket = s;
    let beat = 0, chain = Promise.resolve(), open = false;
    s.onopen = () => {
      open = true;
      at('live').textContent = '已连接';
      at('live').classList.add('up');
      beat = setInterval(() => s.send(JSON.stringify({ t: 'p' })), 25000);
    };
    s.onmessage = (m) => {
      const f = JSON.parse(m.data);
      if (f.t === 'hi') era = f.era;
      if (f.t === 'reset') cursor = f.from;
      const items = f.t === 'n' ? [f] : f.t === 'b' ? f.n : [];
      if (items.length) chain = chain.then(() => apply(items, mine)).catch(() => s.close());
    };
    s.onclose = (e) => {
      clearInterval(beat);
      if (mine !== turn) return;
      at('live').textContent = '未连接';
      at('live').classList.remove('up');
      if (e.code !== 4009 && e.code !== 4014 && e.code !== 4015) again(open ? 0 : tries + 1);
    };
  } catch {
    again(tries + 1);
  }
}

at('sign-in').addEventListener('submit', async (e) => {
  e.preventDefault();
  const button = e.target.querySelector('button'), mine = ++turn;
  button.disabled = true;
  at('trouble').textContent = '';
  if (socket) socket.close();
  token = '';
  try {
    device = device || random();
    const signed = await call('POST', '/v1/auth/demo', { handle: at('handle').value, client: 'h5', device });
    token = signed.accessToken;
    const me = await call('GET', '/v1/me');
    era = cursor = 0;
    at('inbox').replaceChildren();
    at('nothing').hidden = false;
    at('who').textContent = me.name;
    at('roles').replaceChildren(...me.assignments.map((a) => {
      const li = document.createElement('li');
      li.textContent = (roleWords[a.role] || a.role) + ' · ' + a.unitName + (a.primary ? '（主要任职）' : '');
      return li;
    }));
    at('signed-in').hidden = false;
    const got = await call('GET', '/v1/inbox'); // the newest ones, oldest of them first
    if (mine !== turn) return;
    [era, cursor] = got.cursor.split('.').map(Number);
    for (const i of got.items) show(i);
    at('unread').textContent = got.unread;
    connect(mine, 0);
  } catch (err) {
    at('trouble').textContent = err.message;
  } finally {
    button.disabled = false;
  }
});

call('GET', '/v1/version').then((v) => {
  at('version').textContent = v.version;
  at('demo').hidden = !v.demo;
});
