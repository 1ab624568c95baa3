"""The harness itself, straight at the servers: a client that fails here fails without silogate."""
from harness import clients, servers


def test_client_without_silogate(server, client):
    user = "billing_service"
    answer = client(server.port, user, "SELECT 'a', NULL, CURRENT_USER(), DATABASE()")
    assert answer.rows == [["a", None, f"{user}@%", "nilecare"]]
    answer = client(server.port, user, "SELECT 1 FROM no_such_table")
    assert answer.error == 1146 and "no_such_table" in answer.message
    answer = client(server.port, user, "SELECT 1", password="wrong")
    assert answer.error == 1045 or "1045" in answer.message
    if client.parameters:
        answer = client(server.port, user, "SELECT ?, ?", values=["x", None])
        assert answer.rows == [["x", None]]


def test_log_tells_what_reached_the_server(server):
    mark = server.mark()
    assert server.sql("SELECT 'it came through'")
    assert server.saw("it came through", mark)
    assert not server.saw("it never came", mark)


def test_accounts(server):
    for user in server.extra_users:
        if user == "ed25519_user":
            continue  # PyMySQL needs a library for it; the C client logs in
        answer = clients.PYMYSQL(server.port, user, "SELECT CURRENT_USER()")
        assert answer.rows == [[f"{user}@%"]]
        assert servers.password(user) is not None
