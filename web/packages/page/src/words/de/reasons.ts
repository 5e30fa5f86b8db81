/** Why something is not confirmed, failed, or could not be loaded, in German. */

type Reasons = Readonly<Record<string, string>>;

const BYTES_DIFFER = "Die Datei hat sich beim Hochladen geändert. Wählen Sie sie noch einmal.";
const MAY_MATCH = "Eine gespeicherte Datei dieser Größe könnte gleich sein";

export const unconfirmed: Reasons = {
  confirming: `${MAY_MATCH} und wird noch gelesen, um das zu klären. Wählen Sie diese Datei später noch einmal, oder laden Sie sie hoch.`,
  "store-archived": `${MAY_MATCH}, ist aber archiviert. Laden Sie diese Datei hoch, oder bitten Sie den Betreiber, die gespeicherte wiederherzustellen, und wählen Sie sie dann noch einmal.`,
  listed:
    "Dieser Inhalt steht auf Ihrer Liste von Prüfsummen, die nicht sagt, wo eine Kopie ist. Laden " +
    "Sie ihn hoch, um sicher zu sein.",
  "read-limit": `${MAY_MATCH}, ist aber zu groß, um jetzt gelesen zu werden. Laden Sie diese Datei hoch, oder bitten Sie den Betreiber, \`onecopy scan --read missing\` auszuführen, und wählen Sie sie dann noch einmal.`,
  "copy-changed":
    "Eine gespeicherte Datei, die gleich sein könnte, wird gerade geändert. Wählen Sie diese Datei " +
    "später noch einmal, oder laden Sie sie hoch.",
  "store-unavailable":
    "Der Speicher ist nicht erreichbar, deshalb ließ sich dies nicht prüfen. Wählen Sie die Datei " +
    "später noch einmal.",
  "store-forbidden":
    "Der Speicher hat dem Dienst den Zugriff verweigert, deshalb ließ sich dies nicht prüfen. " +
    "Bitten Sie den Betreiber, `onecopy doctor` auszuführen.",
  "store-expiring":
    "Die einzige gespeicherte Kopie wird bald von einer Lebenszyklusregel des Buckets gelöscht. " +
    "Laden Sie diese Datei hoch, um sie zu behalten.",
  "index-unavailable":
    "Der Index ist nicht erreichbar, deshalb ließ sich dies nicht prüfen. Wählen Sie die Datei " +
    "später noch einmal.",
  "index-forbidden":
    "Der Index hat dem Dienst den Zugriff verweigert, deshalb ließ sich dies nicht prüfen. Bitten " +
    "Sie den Betreiber, seine Rechte zu prüfen.",
  "digest-needed": `${MAY_MATCH}, lässt sich aber nicht mit dieser vergleichen. Laden Sie diese Datei hoch, oder bitten Sie den Betreiber, \`onecopy scan --read missing\` auszuführen, und wählen Sie sie dann noch einmal.`,
  uploading:
    "Derselbe Inhalt wird gerade anderswo hochgeladen. Wählen Sie diese Datei später noch einmal, " +
    "oder laden Sie sie hoch.",
  placing:
    "Der Speicher kopiert die Datei noch. Wählen Sie sie später noch einmal, oder laden Sie sie " +
    "hoch.",
  "place-unsupported":
    "Dieser Speicher kann eine Datei nicht sicher kopieren, ohne zu überschreiben. Laden Sie die " +
    "Datei stattdessen hoch.",
  "digest-mismatch": BYTES_DIFFER,
};

export const failures: Reasons = {
  "file-changed":
    "Die Datei ist nicht lesbar oder hat sich geändert, nachdem Sie sie gewählt haben. Wählen Sie " +
    "sie noch einmal.",
  "file-unreadable":
    "Die Datei ist nicht lesbar. Prüfen Sie ihre Rechte und ob sie anderswo geöffnet ist; wählen " +
    "Sie sie dann noch einmal.",
  "digest-mismatch": BYTES_DIFFER,
  "cors-missing":
    "Die CORS-Regeln des Buckets erlauben keine Uploads von dieser Seite. Bitten Sie den Betreiber, " +
    "`onecopy doctor --fix-cors --origin` mit der Adresse dieser Seite auszuführen, und versuchen " +
    "Sie es dann noch einmal.",
  "store-forbidden":
    "Der Bucket hat den Upload abgelehnt. Bitten Sie den Betreiber, `onecopy doctor` auszuführen.",
  "store-unreachable":
    "Die Verbindung zum Bucket ist wiederholt gescheitert. Prüfen Sie Ihr Netz, und versuchen Sie " +
    "es dann noch einmal.",
  "store-unavailable": "Der Bucket ist nicht erreichbar. Versuchen Sie es später noch einmal.",
  busy: "Zu viele Uploads laufen gerade. Versuchen Sie es in einer Minute noch einmal.",
  "upload-slow":
    "Die Verbindung ist zu langsam für diese Datei. Versuchen Sie es über eine schnellere noch " +
    "einmal.",
  "upload-stalled": "Die Verbindung stand eine Minute lang still. Versuchen Sie es noch einmal.",
  "part-superseded":
    "Dieselbe Datei wird anderswo hochgeladen, etwa in einem anderen Tab. Warten Sie, bis dieser " +
    "Upload fertig ist, und versuchen Sie es dann noch einmal.",
  "store-full": "Der Speicher ist voll. Schaffen Sie Platz, und versuchen Sie es dann noch einmal.",
  "not-allowed": "Ihr Token erlaubt keine Uploads. Verwenden Sie ein Token mit dem Recht `upload`.",
  "key-too-long":
    "Der Name mit seinen Ordnern ist zu lang (höchstens 1.024 Bytes). Kürzen Sie ihn, und wählen " +
    "Sie die Datei dann noch einmal.",
  "key-control":
    "Der Name enthält Steuerzeichen. Benennen Sie die Datei um, und wählen Sie sie dann noch einmal.",
  "key-not-utf-8":
    "Der Name ist kein gültiges UTF-8. Benennen Sie die Datei um, und wählen Sie sie dann noch " +
    "einmal.",
  "key-reserved":
    "Der Ordnername .onecopy ist reserviert. Benennen Sie den Ordner um, und wählen Sie die Datei " +
    "dann noch einmal.",
};

export const gateway = (status: string): string =>
  `Ein Proxy vor dem Dienst hat mit Status ${status} geantwortet` +
  (status === "413"
    ? ": Die Anfrage ist ihm zu groß. Bitten Sie den Betreiber, seine Grenze zu erhöhen."
    : ". Versuchen Sie es später noch einmal, oder fragen Sie den Betreiber.");

export const loadErrors: Reasons = {
  "not-allowed": "Ihr Token erlaubt dies nicht. Verwenden Sie ein Token mit dem Recht `read`.",
  "duplicates-unavailable":
    "Dieser Dienst kann Duplikate nicht auflisten: Dafür müsste der ganze Index gelesen werden. " +
    "Bitten Sie den Betreiber, `onecopy report` auszuführen.",
  "index-unavailable": "Der Index ist nicht erreichbar. Versuchen Sie es später noch einmal.",
  "copy-unknown": "Unter diesem Namen ist diese Datei nicht mehr gespeichert.",
};
