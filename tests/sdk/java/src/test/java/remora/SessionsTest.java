package remora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.exception.HttpResponseException;
import com.azure.mixedreality.authentication.MixedRealityStsClientBuilder;
import com.azure.mixedreality.remoterendering.RemoteRenderingClient;
import com.azure.mixedreality.remoterendering.RemoteRenderingClientBuilder;
import com.azure.mixedreality.remoterendering.models.BeginSessionOptions;
import com.azure.mixedreality.remoterendering.models.RenderingSession;
import com.azure.mixedreality.remoterendering.models.RenderingSessionSize;
import com.azure.mixedreality.remoterendering.models.RenderingSessionStatus;
import com.azure.mixedreality.remoterendering.models.UpdateSessionOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Tests Remora with the official SDK: the life of a session, and its errors. run.sh passes the address of Remora. */
class SessionsTest {
    private static final Duration READY_MAX = Duration.ofSeconds(60);

    private final RemoteRenderingClient client = client(variable("REMORA_ACCOUNT_ID"));

    private static String variable(String name) {
        return System.getenv(name);
    }

    /** Returns a client with a token from the SDK's own token client. */
    private static RemoteRenderingClient client(String accountId) {
        return new RemoteRenderingClientBuilder()
            .endpoint(variable("REMORA_ENDPOINT"))
            .accountId(accountId)
            .accountDomain(variable("REMORA_ACCOUNT_DOMAIN"))
            .accessToken(new MixedRealityStsClientBuilder()
                .endpoint(variable("REMORA_STS_ENDPOINT"))
                .accountId(variable("REMORA_ACCOUNT_ID"))
                .accountDomain(variable("REMORA_ACCOUNT_DOMAIN"))
                .credential(new AzureKeyCredential(variable("REMORA_ACCOUNT_KEY")))
                .buildClient()
                .getToken())
            .buildClient();
    }

    private static String newId() {
        return "sdk-" + UUID.randomUUID();
    }

    private static BeginSessionOptions minutes(long minutes) {
        return new BeginSessionOptions()
            .setMaxLeaseTime(Duration.ofMinutes(minutes)).setSize(RenderingSessionSize.STANDARD);
    }

    private static void assertRefused(int status, Executable call) {
        assertEquals(status, assertThrows(HttpResponseException.class, call).getResponse().getStatusCode());
    }

    @Test
    void aSessionStartsAndStops() {
        String id = newId();
        RenderingSession session = client.beginSession(id, minutes(5)).setPollInterval(Duration.ofMillis(200))
            .waitForCompletion(READY_MAX).getValue();
        assertEquals(RenderingSessionStatus.READY, session.getStatus());
        assertEquals(id, session.getId());
        assertEquals(RenderingSessionSize.STANDARD, session.getSize());
        assertEquals(Duration.ofMinutes(5), session.getMaxLeaseTime());
        assertFalse(session.getHostname().isEmpty());
        assertTrue(session.getHandshakePort() >= 49152 && session.getArrInspectorPort() >= 49152);
        assertNotEquals(session.getHandshakePort(), session.getArrInspectorPort());
        assertTrue(session.getTeraflops() > 0);
        assertNull(session.getError());
        assertEquals(session.getCreationTime(), client.getSession(id).getCreationTime());

        RenderingSession updated = client.updateSession(id, new UpdateSessionOptions().maxLeaseTime(Duration.ofMinutes(10)));
        assertEquals(Duration.ofMinutes(10), updated.getMaxLeaseTime());
        assertTrue(ids().contains(id));
        client.endSession(id);
        assertEquals(RenderingSessionStatus.STOPPED, client.getSession(id).getStatus());
        assertFalse(ids().contains(id));
    }

    @Test
    void aListContinuesOverItsPages() {
        List<String> made = new ArrayList<>();
        for (int index = 0; index < 3; index++) {
            made.add(newId());
            client.beginSession(made.get(index), minutes(5));
        }
        List<String> listed = ids();
        assertEquals(made, listed.stream().filter(made::contains).collect(Collectors.toList()));
        assertTrue(client.listSessions().streamByPage().count() > 1);
        made.forEach(client::endSession);
    }

    @Test
    void invalidRequestsAreRefused() {
        String id = newId();
        client.beginSession(id, minutes(5));
        assertRefused(400, () -> client.beginSession(newId(), minutes(-4)));
        assertRefused(409, () -> client.beginSession(id, minutes(6)));
        assertRefused(422, () -> client.updateSession(id, new UpdateSessionOptions().maxLeaseTime(Duration.ofMinutes(5))));
        client.endSession(id);
        assertRefused(404, () -> client.getSession(newId()));
        assertRefused(403, () -> client(UUID.randomUUID().toString()).getSession(newId()));
    }

    private List<String> ids() {
        return client.listSessions().stream().map(RenderingSession::getId).collect(Collectors.toList());
    }
}
